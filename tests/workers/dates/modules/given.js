const exports = { given: 1 }; export { exports as "module.exports" }; export default 2;
