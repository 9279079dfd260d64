"use strict";
// Shows /openapi.json. Everything becomes text nodes: nothing here is ever read as HTML.

const METHODS = ["get", "post", "put", "patch", "delete"];
let api;

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function resolve(schema) {
  if (!schema || !schema.$ref) return schema || {};
  return api.components.schemas[schema.$ref.split("/").pop()] || {};
}

function nameOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return `array of ${nameOf(schema.items)}`;
  if (schema.anyOf) return schema.anyOf.map(nameOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  return [schema.type, schema.format].filter(Boolean).join(" ");
}

function exampleOf(schema) {
  if (schema && schema.type === "array") return [exampleOf(schema.items)];
  const found = resolve(schema);
  if (found.examples) return found.examples[0];
  return found.type || "";
}

function json(value) {
  return make("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

function fields(schema) {
  const found = resolve(schema && schema.type === "array" ? schema.items : schema);
  if (!found.properties) return [];
  const rows = Object.entries(found.properties).map(([name, field]) => make("tr", {},
    make("td", {}, make("code", {}, name)), make("td", {}, nameOf(field)),
    make("td", {}, (found.required || []).includes(name) ? "always" : "")));
  return [make("details", {}, make("summary", {}, "Fields"), make("table", {}, ...rows))];
}

function limits(schema) {
  const of = (schema.anyOf || [schema]).find((it) => it.type !== "null") || schema;
  const said = [];
  if (of.minimum !== undefined || of.maximum !== undefined) said.push(`${of.minimum ?? "…"} to ${of.maximum ?? "…"}`);
  if (of.maxLength !== undefined) said.push(`up to ${of.maxLength} characters`);
  if (schema.default !== undefined && schema.default !== null) said.push(`default ${schema.default}`);
  return said.join(", ");
}

function parameterRow(parameter, inputs) {
  const schema = parameter.schema || {};
  const shown = (parameter.examples || schema.examples || [""])[0];
  const input = make("input", { placeholder: String(shown), "aria-label": parameter.name });
  if (parameter.in === "path") input.value = shown;
  inputs.push([parameter, input]);
  return make("tr", {},
    make("td", {}, make("code", {}, parameter.name), parameter.required ? " (needed)" : ""),
    make("td", {}, input),
    make("td", {}, parameter.description || "", make("br", {}), limits(schema)));
}

async function call(method, path, inputs, body, output) {
  const query = new URLSearchParams();
  let address = path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "") query.set(parameter.name, input.value);
  }
  const text = query.toString();
  const headers = {};
  const key = document.getElementById("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const target = text ? `${address}?${text}` : address;
  try {
    const answer = await fetch(target, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
    let content = await answer.text();
    try { content = JSON.stringify(JSON.parse(content), null, 2); } catch { /* shown as it is */ }
    const link = answer.headers.get("link");
    const head = `${answer.status} ${answer.statusText}${link ? `\nLink: ${link}` : ""}`;
    output.replaceChildren(json(`${method.toUpperCase()} ${target}\n${head}`), json(content));
  } catch (error) {
    output.replaceChildren(json(String(error)));
  }
}

function answers(operation) {
  return Object.entries(operation.responses).flatMap(([status, answer]) => {
    const parts = [make("h3", {}, `${status} ${answer.description}`)];
    for (const [media, content] of Object.entries(answer.content || {})) {
      if (media === "application/problem+json") continue;
      parts.push(make("div", {}, media, " ", make("code", {}, nameOf(content.schema))));
      parts.push(json(content.example ?? exampleOf(content.schema)), ...fields(content.schema));
    }
    return parts;
  });
}

function operationBlock(method, path, operation) {
  const inputs = [];
  const parts = [make("p", {}, operation.description || "")];
  if (operation.security) parts.push(make("p", {}, "AUTH_POLICY may want an API key for this."));
  const rows = (operation.parameters || []).map((parameter) => parameterRow(parameter, inputs));
  if (rows.length) parts.push(make("h3", {}, "Parameters"), make("table", {}, ...rows));
  let body = null;
  if (operation.requestBody) {
    const schema = operation.requestBody.content["application/json"].schema;
    body = make("textarea", { "aria-label": "body", spellcheck: "false" });
    body.value = JSON.stringify(exampleOf(schema), null, 2);
    parts.push(make("h3", {}, "Body ", make("code", {}, nameOf(schema))), body, ...fields(schema));
  }
  const output = make("div", { "aria-live": "polite" });
  const send = make("button", { type: "button" }, "Send");
  send.addEventListener("click", () => call(method, path, inputs, body, output));
  parts.push(make("p", {}, send), output, ...answers(operation));
  const summary = make("summary", {}, make("span", { class: `method ${method}` }, method.toUpperCase()),
    make("code", {}, path), " ", make("span", {}, (operation.description || "").split("\n")[0]));
  return make("details", {}, summary, ...parts);
}

async function show() {
  const main = document.getElementById("calls");
  try {
    api = await (await fetch("/openapi.json")).json();
  } catch (error) {
    main.replaceChildren(make("p", { class: "bad" }, `The documentation cannot be loaded: ${error}`));
    return;
  }
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((it) => it in methods)) {
      const group = (methods[method].tags || ["other"])[0];
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(operationBlock(method, path, methods[method]));
    }
  }
  const blocks = [...groups].flatMap(([group, calls]) => [make("h2", {}, group), ...calls]);
  main.replaceChildren(make("p", {}, api.info.description), ...blocks);
}

show();
