// Evaluates expressions with GitHub's own library: node expressions.mjs PACKAGES, [EXPRESSION, CONTEXTS] a line.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const at = path.join(process.argv[2], 'node_modules/@actions/expressions/dist/index.js');
const { Parser, Lexer, Evaluator, data } = await import(pathToFileURL(at));

function value(given) {
  if (given === null) return new data.Null();
  if (typeof given === 'string') return new data.StringData(given);
  const pairs = Object.entries(given).map(([key, inner]) => ({ key, value: value(inner) }));
  return new data.Dictionary(...pairs);
}

for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const [expression, contexts] = JSON.parse(line);
  try {
    const parsed = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), []).parse();
    const found = new Evaluator(parsed, value(contexts)).evaluate();
    console.log(JSON.stringify(found.kind === data.Kind.Null ? null : found.coerceString()));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message) }));
  }
}
