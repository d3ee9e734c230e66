"""The console: what the stream says, in a browser, and an operator's word back to it.

It decides nothing and keeps nothing: all that it shows comes from Kafka's topics, from Redis where Kafka
can not be read, and from the workers' metrics; all that it does is to write `guard.control.v1`.

    memory.py    what the topics said, bounded          sources.py   the threads that fill it
    meters.py    what the workers measure               looks.py     what needs a look, in words
    views.py     records as templates show them         picture.py   who of a campaign shows what
    sessions.py  who is signed in                       security.py  what every answer and every post obeys
    pages.py actions.py live.py  routes                 app.py       all of it, joined
"""
