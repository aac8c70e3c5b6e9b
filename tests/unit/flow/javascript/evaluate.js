// Reads {"cases": [{"expression": ..., "body": ...}]} and writes a list of {"value"}, {"undefined"} or {"error"}.
const jsonata = require("@elastic.io/jsonata-moment");

function evaluated({ expression, body }) {
  try {
    const text = JSON.stringify(jsonata(expression).evaluate(JSON.parse(JSON.stringify(body))));
    return text === undefined ? { undefined: true } : { value: JSON.parse(text) };
  } catch (error) {
    return { error: error.code || error.name };
  }
}

const { cases } = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(evaluated)));
