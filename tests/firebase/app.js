// The app's part in Firestore, with Google's own client library: one JSON command a line, one JSON answer a line.
// What it writes is what the app's screens write.
const readline = require("node:readline");
const { initializeApp } = require("@firebase/app");
const firestore = require("@firebase/firestore");

firestore.setLogLevel("silent");
const UNUSED = "Non utilisé";
const COLUMNS = Array.from({ length: 14 }, (_, index) => `c${index + 1}`);
const databases = new Map();

function database({ project, port }) {
  const name = `${project} ${port}`;
  if (!databases.has(name)) {
    const made = firestore.initializeFirestore(initializeApp({ projectId: project, apiKey: "none" }, name), {});
    firestore.connectFirestoreEmulator(made, "127.0.0.1", port);
    databases.set(name, made);
  }
  return databases.get(name);
}

function labelled(labels) {
  return Object.fromEntries(COLUMNS.map((column) => [column, labels[column.toUpperCase()] || UNUSED]));
}

// As the app decides whether a circuit can be selected.
function selectable(data) {
  return COLUMNS.filter((column) => data[column] && data[column].trim() && data[column] !== UNUSED).length >= 3;
}

const commands = {
  async import({ db, id, nom, wssUrl, labels }) {
    const data = { nom, liveTimingUrl: "", wssUrl, ...labelled(labels || {}) };
    await firestore.setDoc(firestore.doc(db, "circuits", id), { ...data, createdAt: firestore.serverTimestamp() });
  },
  async map({ db, id, labels }) {
    const data = { ...labelled(labels), updatedAt: firestore.serverTimestamp() };
    await firestore.updateDoc(firestore.doc(db, "circuits", id), data);
  },
  async select({ db, id }) {
    const data = { numColumns: 3, numRows: 3, columnColors: ["Bleu", "Blanc", "Rouge"], selectedCircuitId: id };
    await firestore.setDoc(firestore.doc(db, "sessions", "session1"), data, { merge: true });
  },
  async remove({ db, id }) {
    await firestore.deleteDoc(firestore.doc(db, "circuits", id));
  },
  async put({ db, id, data }) {
    await firestore.setDoc(firestore.doc(db, "circuits", id), data);
  },
  // The app's list: what it sees of a circuit, as soon as it can be selected.
  selectable({ db, id }) {
    return new Promise((resolve, reject) => {
      const end = firestore.onSnapshot(firestore.doc(db, "circuits", id), (snapshot) => {
        if (snapshot.exists() && selectable(snapshot.data()) && !snapshot.metadata.hasPendingWrites) {
          end();
          resolve(snapshot.data());
        }
      }, reject);
    });
  },
};

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { call, ...values } = JSON.parse(line);
  try {
    const answer = await commands[call]({ db: database(values), ...values });
    process.stdout.write(JSON.stringify({ answer: answer === undefined ? null : answer }) + "\n");
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: String(error) }) + "\n");
  }
});
