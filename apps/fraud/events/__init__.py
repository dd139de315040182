"""What the topics of this app carry: decisions, alerts, labels."""
