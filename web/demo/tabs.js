import { element } from "./messages.js";

const tabs = [...document.querySelectorAll("[role=tab]")];

for (const tab of tabs) {
  tab.addEventListener("click", () => selectTab(tab));
  tab.addEventListener("keydown", ({ key }) => {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return;
    const other = tabs[1 - tabs.indexOf(tab)];
    selectTab(other);
    other.focus();
  });
}

/** Shows the panel of this tab instead of the other one. */
export function selectTab(selected) {
  for (const tab of tabs) {
    const isSelected = tab === selected;
    tab.ariaSelected = String(isSelected);
    tab.tabIndex = isSelected ? 0 : -1;
    element(tab.getAttribute("aria-controls")).classList.toggle("covered", !isSelected);
  }
}
