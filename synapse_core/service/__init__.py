"""The door over HTTP: runs, their events and files for other machines."""
