import { open } from "../lib/open";
import Page from "./Try.svelte";

void open(Page);
