/** What texts of the examples are about: those of one subject come out near each other, as they do in a model. */
const SUBJECTS: readonly RegExp[] = [
  /eat|milk|egg|bread|groceries|ramen|noodle|食べ|牛乳|卵|パン|ラーメン|つけ麺/i,
  /train|central line|commute|電車|中央線|通勤|駅/i,
  /appointment|dentist|meeting|monday|reserv|予約|用事|歯医者|会議|ミーティング/i,
  /repair|tire|losing|修理|後輪|抜けて/i,
  /animal|cat |動物|猫|ミツバチ/i,
  /weather|snow|hot|天気|雪|暑/i,
  /space|disk|memory|容量|使用率|メモリ|ディスク/i,
  /database|db-1|データベース|つながら|接続でき/i,
  /login|signed in|password|ログイン|パスワード/i,
];

/** A made-up vector: texts of one subject, and texts that share letters, come out near each other. */
export function vectorOf(text: string): number[] {
  const values = Array.from({ length: 64 }, () => 0.6);
  for (const letter of text) {
    const at = (letter.codePointAt(0) ?? 0) % values.length;
    values[at] = (values[at] ?? 0) + 1;
  }
  const own = Math.hypot(...values);
  const all = [...values.map((value) => value / own), ...SUBJECTS.map((subject) => (subject.test(text) ? 0.5 : 0))];
  const length = Math.hypot(...all);
  return all.map((value) => value / length);
}
