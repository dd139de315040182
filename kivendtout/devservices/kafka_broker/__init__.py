"""A Kafka-protocol broker for development and demos: one process, plain files, no replication."""
