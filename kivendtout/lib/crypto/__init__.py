"""Encryption at rest: fields, blind indexes, key ring. Start with docs/encryption.md."""
