"""Message Service: queues, made through Mns-open (2022-01-19), filled and read through their own XML protocol."""
