"""What several tests share: a toy topology, its traffic, workers as processes, a real Kafka."""
