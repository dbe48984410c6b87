"""The gate behind real servers and sockets: uvicorn, hypercorn (asyncio, trio), granian."""

SHOP = "https://shop.example"
"""A web page that may ask from elsewhere (CORS)."""
