export const load = (specifier) => import(specifier);
export const { meta } = { meta: import.meta };
export default "inner";
