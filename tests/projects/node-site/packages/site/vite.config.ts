import { defineConfig } from 'vite'

export default defineConfig({
  base: './',
  css: { transformer: 'lightningcss' },
  build: { cssMinify: 'lightningcss', assetsInlineLimit: 0 },
  define: { __NAME__: JSON.stringify(process.env.SITE_NAME ?? 'notes') },
})
