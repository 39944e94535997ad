"""What portal and sites believe each other by: keys, certificates and their requests, signatures, sealed staff lists."""
