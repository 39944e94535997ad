"""The program on the camera box or drone: it watches, decides, and speaks; its pictures stay with it unless something happened."""

__version__ = "0.1.0"
