"""What is polled and who may be asked: devices, credentials, service discovery."""
