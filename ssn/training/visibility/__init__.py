"""How the visibility network learns: covers of many kinds on faces, and the mask that made each as the answer."""
