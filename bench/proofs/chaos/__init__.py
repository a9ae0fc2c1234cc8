"""Chaos: referrals over HTTP while every kind of process is killed and every fault is injected,
then judged from the outside. Nothing may be lost, nothing doubled."""
