"""Was a picture made to fool a net? Detectors of adversarial inputs."""
