"""The program on the camera box or drone: it looks, decides, keeps its pictures and tells the portal."""
