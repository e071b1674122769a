"""What a question about photos and a gallery is answered with, as JSON: for the command line and for programs."""
