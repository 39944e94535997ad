"""Staff who may be recognised at a restricted door: legal basis, document, owner, expiry."""
