"""Migrations over the data of several apps: the house is the last of them."""
