"use strict";
// Shows /asyncapi.json. Everything becomes text nodes: nothing here is ever read as HTML.

let api;

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function resolve(part) {
  if (!part || !part.$ref) return part || {};
  return part.$ref.split("/").slice(1).reduce((found, key) => resolve(found)[key], api) || {};
}

function nameOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const found = resolve(schema);
    return found.enum ? found.enum.join(" | ") : schema.$ref.split("/").pop();
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `array of ${nameOf(schema.items)}`;
  if (schema.anyOf) return schema.anyOf.map(nameOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "object" && schema.additionalProperties) {
    return `object of ${nameOf(schema.additionalProperties)}`;
  }
  return schema.type || "";
}

function inside(schema, names) {
  // The shapes that a schema is made of, in the order in which a reader meets them.
  for (const part of [schema, schema.items, schema.additionalProperties, ...(schema.anyOf || [])]) {
    if (part && part !== schema) inside(part, names);
  }
  for (const pattern of Object.values(schema.patternProperties || {})) inside(pattern, names);
  if (!schema.$ref) return;
  const name = schema.$ref.split("/").pop();
  if (names.has(name) || !resolve(schema).properties) return;
  names.add(name);
  for (const field of Object.values(resolve(schema).properties)) inside(field, names);
}

function table(schema) {
  const needed = schema.required || [];
  const rows = Object.entries(schema.properties || {}).map(([name, field]) => make("tr", {},
    make("td", {}, make("code", {}, name)), make("td", {}, nameOf(field)),
    make("td", {}, needed.includes(name) ? "always" : ""), make("td", {}, field.description || "")));
  return make("table", {}, ...rows);
}

function messageBlock(reference) {
  const message = resolve(reference);
  const schema = resolve(message.payload);
  const names = new Set();
  for (const field of Object.values(schema.properties || {})) inside(field, names);
  const parts = [make("p", {}, schema.description || ""), table(schema)];
  for (const example of message.examples || []) parts.push(make("pre", {}, JSON.stringify(example.payload, null, 2)));
  for (const name of names) {
    const shape = api.components.schemas[name];
    parts.push(make("details", {}, make("summary", {}, make("code", {}, name)),
      make("p", {}, shape.description || ""), table(shape),
      ...(shape.examples || []).map((it) => make("pre", {}, JSON.stringify(it, null, 2)))));
  }
  const summary = make("summary", {}, make("code", {}, message.name), " ", make("span", {}, message.summary || ""));
  return make("details", {}, summary, ...parts);
}

function choices(channel) {
  const rows = Object.entries(channel.bindings.ws.query.properties).map(([name, field]) => make("tr", {},
    make("td", {}, make("code", {}, name)), make("td", {}, nameOf(field)), make("td", {}, field.description || "")));
  return [make("h2", {}, "Address"), make("pre", {}, channel.address), make("table", {}, ...rows)];
}

function closings() {
  const rows = api["x-close-codes"].map((it) => make("tr", {},
    make("td", {}, make("code", {}, String(it.code))), make("td", {}, it.why), make("td", {}, it.then)));
  return [make("h2", {}, "Close codes"), make("table", {}, ...rows)];
}

async function show() {
  const main = document.getElementById("reference");
  try {
    api = await (await fetch("/asyncapi.json")).json();
  } catch (error) {
    main.replaceChildren(make("p", { class: "bad" }, `The documentation cannot be loaded: ${error}`));
    return;
  }
  const blocks = Object.values(api.operations).flatMap((operation) => [
    make("h2", {}, operation.summary), ...operation.messages.map(messageBlock),
  ]);
  main.replaceChildren(make("p", {}, api.info.description), ...choices(api.channels.live), ...blocks, ...closings());
}

show();
