"""`autosmall pretrain`: a backbone from pictures, stopped and resumed at will."""
