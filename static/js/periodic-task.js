// @ts-check
// Says in words what the chosen crontab means, below the field of the periodic task's form.

const source = document.getElementById("readable-crontabs");
const field = document.querySelector(".field-crontab");
const choice = /** @type {HTMLSelectElement | null} */ (document.getElementById("id_crontab"));

if (source && field && choice) {
  /** @type {Record<string, string>} */
  const words = JSON.parse(source.textContent ?? "{}");
  const line = document.createElement("p");
  field.append(line);
  const show = () => {
    line.textContent = words[choice.value] ?? "";
  };
  choice.addEventListener("change", show);
  show();
}
document.querySelector(".field-crontab_translation")?.setAttribute("hidden", "");
