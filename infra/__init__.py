"""How Specola is run: embedded services, processes, certificates, footage; imports none of the other parts."""
