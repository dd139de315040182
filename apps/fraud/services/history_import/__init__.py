"""Bring your own history: any file of payments, replayed into a feature matrix. See docs/import-history.md."""
