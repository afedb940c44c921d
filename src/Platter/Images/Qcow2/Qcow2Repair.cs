namespace Platter.Images.Qcow2;

/// <summary>Makes the refcounts of a dirty image anew: its last writer left them for later and never came to it.</summary>
internal sealed class Qcow2Repair(Qcow2Image image)
{
    /// <exception cref="DiskFormatException">Tables are broken: what refers to what can't be known.</exception>
    internal void RebuildRefcounts()
    {
        var references = new Qcow2References(image.Host, null, image.Geometry, image.Tables, image.Refcounts, (severity, code, structure, offset, text) =>
        {
            // Refcount blocks behind the end, and reserved bits, don't stand in the way.
            if (severity == Severity.Error)
                throw new DiskFormatException(code, structure, offset, text + "; the image is dirty, and must be repaired (qemu-img check -r all) before it is edited");
        });
        references.Prepare();
        var missing = new SortedSet<long>();
        references.Visit(state =>
        {
            if (state.Count != 0 && image.Refcounts.Block(state.Cluster / image.Geometry.RefcountsPerBlock) == 0)
                missing.Add(state.Cluster / image.Geometry.RefcountsPerBlock);
        });
        foreach (var block in missing)
            image.Space!.EnsureBlock(block);
        references.TableMoved();
        references.Visit(state =>
        {
            if ((state.Use & ClusterUse.Overlap) != 0)
                throw new DiskFormatException("QCOW-0034", "Cluster", state.Cluster << image.Geometry.ClusterBits, "belongs to metadata and to something else; the image is dirty, and must be repaired (qemu-img check -r all) before it is edited");
            if (state.Count > image.Refcounts.Maximum)
                throw new DiskFormatException("QCOW-0032", "RefcountBlock", state.Cluster << image.Geometry.ClusterBits, $"needs refcount {state.Count}, but the image can't count beyond {image.Refcounts.Maximum}");
            image.Refcounts.Set(state.Cluster, state.Count);
        });
        new Qcow2CopiedFlags(image.Geometry, image.Tables, image.Refcounts).Visit((_, at, entry, isAlone) =>
            image.Tables.Write(at, isAlone ? entry | L2Entry.CopiedFlag : entry & ~L2Entry.CopiedFlag));
        image.Tables.Write(0x48, image.Tables.Read(0x48) & ~(ulong)IncompatibleFeatures.Dirty);
    }
}
