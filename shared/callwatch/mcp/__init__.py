"""The Model Context Protocol: how a program that reasons with a language model reads the figures, and acts on alerts.

1. `server.py` answers one HTTP request: it reads the messages (`messages.py`) and answers each by its method.
2. `toolbox.py` finds the called tool; a tool that acts is for administrators. `arguments.py` checks what it is given.
3. The tools (`*_tools.py`) call the same functions as the routes of the API.
4. `untrusted.py` marks and cuts the texts that senders of errors wrote, and bounds the size of the whole result.
"""
