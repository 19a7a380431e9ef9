export default { build: { outDir: "../src/main/resources/static" } };
