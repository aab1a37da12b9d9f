"""The application: doors, decisions and facts about virtual machines."""
