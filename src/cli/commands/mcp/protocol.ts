/**
 * The part of the SDK of the Model Context Protocol that the command uses. The SDK is bundled into the program: it depends
 * on web servers, which stdio does not need and nobody should have to install.
 */
export { Server } from '@modelcontextprotocol/sdk/server/index.js'
export { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
export { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
