"""What people say about alarms: verdicts, the journal that keeps them, and what they change."""
