"""Messages that people receive: their templates, when they are sent, and to whom. Rules only."""
