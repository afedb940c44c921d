using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Fat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Fat;

/// <summary>mkfs.vfat, mtools, the Linux kernel, Platter and fsck.vfat, one after the other on the same volumes.</summary>
public class FatMkfsTests(FatMkfsMatrix matrix, ITestOutputHelper output) : IClassFixture<FatMkfsMatrix>
{
    [Fact]
    public void The_matrix_has_enough_volumes_and_the_kernel_could_write_all_of_them()
    {
        output.WriteLine($"{matrix.Volumes.Count} volumes, {matrix.Volumes.Sum(v => v.Before?.Entries.Count ?? 0)} entries before and {matrix.Volumes.Sum(v => v.After?.Entries.Count ?? 0)} after the edits");
        Assert.True(matrix.Volumes.Count >= 60, $"only {matrix.Volumes.Count} volumes");
        matrix.ForEach(v => v.KernelBefore!.AssertClean());
    }

    [Fact]
    public void Platter_reads_what_mtools_and_the_kernel_wrote_as_the_kernel_does() =>
        matrix.ForEach(v => v.KernelBefore!.Tree.AssertSame(v.Before!, "the kernel's tree against Platter's"));

    [Fact]
    public void The_kernel_reads_what_Platter_edited_as_Platter_does() => matrix.ForEach(v =>
    {
        v.KernelAfter!.AssertClean();
        v.KernelAfter!.Tree.AssertSame(v.After!, "the kernel's tree against Platter's");
    });

    [Fact]
    public void Fsck_finds_nothing_in_what_Platter_edited() => matrix.ForEach(v =>
    {
        // fsck.vfat refuses more than two FATs, though its own mkfs.vfat makes them; the kernel and mtools judge those.
        if (!v.Arguments.Contains("-f 3", StringComparison.Ordinal))
            Assert.Null(MkfsFat.Complaint(v.Path));
    });

    [Fact]
    public void Mtools_lists_the_names_that_Platter_lists() => matrix.ForEach(v =>
    {
        var listed = Tool.Expect("mdir", "-i", v.Path, "-a", "-b", "-/", "::").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l["::".Length..].TrimEnd('/')).Order(StringComparer.Ordinal);
        Assert.Equal(v.After!.Entries.Keys.Select(InMtools).Order(StringComparer.Ordinal), listed);
    });

    [Fact]
    public void Mtools_copies_out_what_Platter_reads() => matrix.ForEach(v =>
    {
        using var folder = new TempFolder();
        Tool.Expect("mcopy", "-i", v.Path, "-s", "-m", "-n", "::/", folder.Path);
        var found = Directory.EnumerateFiles(folder.Path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .ToDictionary(f => f[folder.Path.Length..], StringComparer.Ordinal);
        foreach (var (path, entry) in v.After!.Entries.Where(e => e.Value.Kind == EntryKind.File))
        {
            Assert.True(found.Remove(InMtools(path), out var file), path + " was not copied");
            Assert.Equal(entry.Sha256, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));
            Assert.Equal(entry.Modified, Timestamp.From(new DateTimeOffset(File.GetLastWriteTimeUtc(file))));
        }
        Assert.Empty(found);
    });

    // mtools shows each half of a surrogate pair as an underscore: it knows the BMP only.
    private static string InMtools(string path) => string.Concat(path.Select(c => char.IsSurrogate(c) ? '_' : c));
}
