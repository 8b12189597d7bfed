import { open } from "./lib/open";
import Start from "./Start.svelte";

void open(Start);
