import { open } from "./lib/open";
import Main from "./Main.svelte";

void open(Main);
