"""Upstream simulator: scripted LLM providers, an MCP server and HTTP tools with faults on demand."""
