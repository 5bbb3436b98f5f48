"""What tools of annotation export → images with labelled boxes: a module a format."""
