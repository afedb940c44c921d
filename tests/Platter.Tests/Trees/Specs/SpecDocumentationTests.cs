using Platter.Testing;
using Platter.Trees.Specs;
using Xunit;

namespace Platter.Tests.Trees.Specs;

/// <summary>The manual page and the examples tell the truth.</summary>
public sealed class SpecDocumentationTests
{
    private static string Page => File.ReadAllText(Path.Combine(Corpus.Repository, "docs", "spec.md"));

    [Fact]
    public void Every_example_of_the_page_is_a_spec()
    {
        var examples = Page.Split("```toml\n").Skip(1).Select(e => e[..e.IndexOf("```", StringComparison.Ordinal)]).ToList();
        Assert.True(examples.Count >= 2);
        foreach (var example in examples)
            DiskSpec.Parse(example, "docs/spec.md");
    }

    [Fact]
    public void Every_disk_among_the_examples_is_a_spec()
    {
        var disks = Directory.GetFiles(Path.Combine(Corpus.Repository, "examples"), "disk.toml", SearchOption.AllDirectories);
        Assert.NotEmpty(disks);
        foreach (var disk in disks)
            DiskSpec.Parse(File.ReadAllBytes(disk), disk);
    }

    [Fact]
    public void Every_key_stands_in_the_page_and_no_other()
    {
        var sections = Page.Split("\n## ").Skip(1).ToList();
        foreach (var (schema, heading) in new[]
                 {
                     (SpecSchema.Image, "`[image]`"), (SpecSchema.Blob, "`[[image.blob]]`"), (SpecSchema.Partition, "`[[partition]]`"),
                     (SpecSchema.Rule, "`[[filesystem.rule]]`"), (SpecSchema.Document, "The top of the spec"),
                     (SpecSchema.BareFileSystem, "`[filesystem]`"), (SpecSchema.File, "`[[filesystem.file]]`"),
                 })
        {
            var section = Assert.Single(sections, s => s.StartsWith(heading, StringComparison.Ordinal));
            var documented = section.Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal))
                .SelectMany(l => l.Split('|')[1].Split(',')).Select(k => k.Trim(' ', '`')).Order(StringComparer.Ordinal);
            Assert.Equal(string.Join(' ', schema.Keys.Order(StringComparer.Ordinal)), string.Join(' ', documented));
        }
    }
}
