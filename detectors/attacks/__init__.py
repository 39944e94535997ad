"""Attacks on the nets that Specola uses, to train and judge its detectors of adversarial inputs; torch, never at inference."""
