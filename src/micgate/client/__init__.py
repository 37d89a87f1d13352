"""Clients of the service: blocking on urllib3, asyncio on aiohttp. They know nothing but its HTTP API."""
