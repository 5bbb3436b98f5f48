"""What configs/base.py is made of: kinds of values, and what is done with configs by them."""
