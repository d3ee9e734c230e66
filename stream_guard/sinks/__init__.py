"""Who is told?  Redis, files, Kafka: the outlets of the stream, and what reads them back.

Nothing here decides anything, and the stream waits for nothing here.
"""
