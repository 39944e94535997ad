"""Cameras of one site that help each other to recognise staff, so that the portal is asked less and may even be away (inspired by Kavalionak et al. 2019)."""
