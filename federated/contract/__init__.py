"""Everything that travels between portal and sites, typed once: frozen dataclasses that parse and print themselves. No flwr, no torch, no Django."""
