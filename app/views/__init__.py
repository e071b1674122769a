"""Results → HTML fragments; pure functions. Pictures are embedded, names are escaped."""
