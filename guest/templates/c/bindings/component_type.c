/* The generated bindings want to be linked with a description of the component, which `wit-bindgen` writes as an object
 * file. `weir plugin build` adds that description from wit/ itself; this only stands where the object file would. */
void __component_type_object_force_link_protocol_plugin(void);

void __component_type_object_force_link_protocol_plugin(void) {}
