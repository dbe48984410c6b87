"""The gate behind real servers and real sockets: uvicorn, hypercorn on asyncio and trio, granian."""
